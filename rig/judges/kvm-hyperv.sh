# KVM again, which tells the guest that it also speaks Hyper-V.
# shellcheck shell=bash disable=SC2034,SC2154
. "${BASH_SOURCE[0]%/*}/kvm.sh"

about="Debian's KVM with Hyper-V enlightenments"
machines="amd"
guest_cpu=host,hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-time,hv-vpindex,hv-synic
builder=kvm # the same files
