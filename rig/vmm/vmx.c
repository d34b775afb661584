#include "vcpu.h"
const struct back_end vmx;
