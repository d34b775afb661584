// Where the VMM's own lines go. QEMU and Bochs have a debug console at port 0xe9, where no byte of the guest's comes between;
// elsewhere it is COM1, shared with the guest and polled: the guest owns its interrupt and its settings.
#include "cpu.h"
#include "layout.h"
#include "log.h"

// QEMU's isa-debugcon and Bochs' port_e9_hack: the port reads as its own number when it is there.
#define DEBUG_CONSOLE 0xe9

// 16550 registers, from the port's base
#define THR 0 // transmit; with LCR.DLAB the divisor's low byte
#define IER 1
#define FCR 2
#define LCR 3
#define MCR 4
#define LSR 5
#define LSR_THRE 0x20 // room for a byte
#define LSR_TEMT 0x40 // everything sent

// A machine without the port reads 0xff there; a stuck one must not stop the VMM.
#define LONGEST_WAIT 1000000

static bool has_debug_console;

void console_init(void)
{
    has_debug_console = inb(DEBUG_CONSOLE) == DEBUG_CONSOLE;
    outb(COM1 + IER, 0);
    outb(COM1 + LCR, 0x80);
    outb(COM1 + THR, 1); // 115200 baud
    outb(COM1 + IER, 0);
    outb(COM1 + LCR, 3); // 8 bits, no parity
    outb(COM1 + FCR, 7);
    outb(COM1 + MCR, 3);
}

static void wait_for(u8 bit)
{
    for (int i = 0; i < LONGEST_WAIT && !(inb(COM1 + LSR) & bit); i++)
        asm volatile("pause");
}

static void put(char c)
{
    if (has_debug_console) {
        outb(DEBUG_CONSOLE, c);
        return;
    }
    if (c == '\n')
        put('\r');
    wait_for(LSR_THRE);
    outb(COM1 + THR, c);
}

void console_write(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put(text[i]);
}

void console_drain(void)
{
    wait_for(LSR_TEMT);
}
