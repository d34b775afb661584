/*
 * A 32-bit program that calls the VMM: looks a function up by name and calls it with five arguments. No libc: Debian's 64-bit
 * packages bring none for 32 bits.
 *
 *   call32 vmcall|vmmcall NAME RBX RCX RDX RSI RDI
 *
 * prints "number N" and "rax R rbx ... rdi", decimal, 32 bits each. A fault ends it by its signal.
 */
typedef unsigned int u32;

static void write_out(const char *text, u32 length)
{
	u32 result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(4), "b"(1), "c"(text), "d"(length) : "memory");
}

static void leave(u32 code)
{
	for (;;)
		__asm__ volatile("int $0x80" : : "a"(1), "b"(code));
}

static void say(const char *text)
{
	u32 length = 0;

	while (text[length])
		length++;
	write_out(text, length);
}

static void say_number(u32 value)
{
	char text[10];
	u32 at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	write_out(text + at, sizeof(text) - at);
}

static u32 parse(const char *text)
{
	u32 value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (u32)(*text++ - '0');
	return value;
}

struct frame { u32 ax, bx, cx, dx, si, di; };

static void call(int intel, struct frame *f)
{
	if (intel)
		__asm__ volatile("vmcall" : "+a"(f->ax), "+b"(f->bx), "+c"(f->cx), "+d"(f->dx), "+S"(f->si), "+D"(f->di) : : "memory");
	else
		__asm__ volatile("vmmcall" : "+a"(f->ax), "+b"(f->bx), "+c"(f->cx), "+d"(f->dx), "+S"(f->si), "+D"(f->di) : : "memory");
}

__attribute__((used)) static void run(u32 *stack)
{
	u32 argc = stack[0];
	char **argv = (char **)(stack + 1);
	static const char *const names[] = { "rax ", " rbx ", " rcx ", " rdx ", " rsi ", " rdi " };
	struct frame f = { 0 };
	u32 *registers = (u32 *)&f;
	u32 number;
	int intel;

	if (argc != 8) {
		say("usage: call32 vmcall|vmmcall NAME RBX RCX RDX RSI RDI\n");
		leave(2);
	}
	intel = argv[1][2] == 'c'; /* vmCall, vmMcall */
	f.bx = (u32)argv[2];
	call(intel, &f);
	number = f.ax;
	say("number ");
	say_number(number);
	say("\n");
	f = (struct frame){ number, parse(argv[3]), parse(argv[4]), parse(argv[5]), parse(argv[6]), parse(argv[7]) };
	call(intel, &f);
	for (int i = 0; i < 6; i++) {
		say(names[i]);
		say_number(registers[i]);
	}
	say("\n");
	leave(0);
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall run\n");
