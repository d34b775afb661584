/* Ends QEMU through its isa-debug-exit device: the emulator's own exit code is (CODE << 1) | 1. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>

#define DEBUG_EXIT 0xf4 /* -device isa-debug-exit,iobase=0xf4,iosize=0x04 */

int main(int argc, char **argv)
{
	int code = argc > 1 ? atoi(argv[1]) : 0;

	if (code > 100)
		code = 100; /* what is left of it is 8 bits, shifted */
	if (ioperm(DEBUG_EXIT, 4, 1) != 0) {
		perror("debug-exit: ioperm");
		return 1;
	}
	outl((unsigned int)code, DEBUG_EXIT);
	return 0; /* there is no such device here */
}
