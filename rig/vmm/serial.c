// COM1, which the VMM shares with the guest's console. Polled: the guest owns its interrupt and its settings.
#include "cpu.h"
#include "layout.h"
#include "log.h"

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

void serial_init(void)
{
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
    wait_for(LSR_THRE);
    outb(COM1 + THR, c);
}

void serial_write(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            put('\r');
        put(text[i]);
    }
}

void serial_drain(void)
{
    wait_for(LSR_TEMT);
}
