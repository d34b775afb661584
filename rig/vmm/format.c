#include "log.h"

struct text {
    char *buffer;
    size_t size, length;
};

static void put(struct text *text, char c)
{
    if (text->length + 1 < text->size)
        text->buffer[text->length++] = c;
}

static void put_number(struct text *text, u64 value, unsigned base, int columns)
{
    char digits[20];
    int count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (columns-- > count)
        put(text, ' ');
    while (count)
        put(text, digits[--count]);
}

size_t format_list(char *buffer, size_t size, const char *pattern, va_list arguments)
{
    struct text text = {buffer, size, 0};
    for (; *pattern; pattern++) {
        if (*pattern != '%') {
            put(&text, *pattern);
            continue;
        }
        switch (*++pattern) {
        case 's':
            for (const char *s = va_arg(arguments, const char *); *s; s++)
                put(&text, *s);
            break;
        case 'u':
            put_number(&text, va_arg(arguments, u64), 10, 0);
            break;
        case 'U':
            put_number(&text, va_arg(arguments, u64), 10, 20);
            break;
        case 'x':
            put_number(&text, va_arg(arguments, u64), 16, 0);
            break;
        case 'c':
            put(&text, (char)va_arg(arguments, int));
            break;
        default:
            put(&text, *pattern);
        }
    }
    buffer[text.length] = 0;
    return text.length;
}

size_t format(char *buffer, size_t size, const char *pattern, ...)
{
    va_list arguments;
    va_start(arguments, pattern);
    size_t length = format_list(buffer, size, pattern, arguments);
    va_end(arguments);
    return length;
}
