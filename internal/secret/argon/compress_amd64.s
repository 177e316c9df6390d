//go:build !purego

#include "textflag.h"

// Byte orders that turn every 64-bit word right by 24 and by 16 bits.
DATA right24<>+0(SB)/8, $0x0201000706050403
DATA right24<>+8(SB)/8, $0x0a09080f0e0d0c0b
GLOBL right24<>(SB), RODATA|NOPTR, $16

DATA right16<>+0(SB)/8, $0x0100070605040302
DATA right16<>+8(SB)/8, $0x09080f0e0d0c0b0a
GLOBL right16<>(SB), RODATA|NOPTR, $16

// Y0..Y3 hold words 0-3, 4-7, 8-11 and 12-15 of one round, Y4..Y7 those of
// another: two at once keep the multiplier busy. Y8 and Y9 are free, Y12 and
// Y13 hold the byte orders.

// a += b + 2 * low32(a) * low32(b)
#define FOLD(a, b, t) \
	VPMULUDQ a, b, t \
	VPADDQ   b, a, a \
	VPADDQ   t, t, t \
	VPADDQ   t, a, a

#define FOLD2(a, b, p, q) \
	FOLD(a, b, Y8) \
	FOLD(p, q, Y9)

#define TURN63(b, t) \
	VPADDQ b, b, t \
	VPSRLQ $63, b, b \
	VPXOR  t, b, b

#define QUARTERS \
	FOLD2(Y0, Y1, Y4, Y5) \
	VPXOR   Y0, Y3, Y3 \
	VPXOR   Y4, Y7, Y7 \
	VPSHUFD $0xb1, Y3, Y3 \
	VPSHUFD $0xb1, Y7, Y7 \
	FOLD2(Y2, Y3, Y6, Y7) \
	VPXOR   Y2, Y1, Y1 \
	VPXOR   Y6, Y5, Y5 \
	VPSHUFB Y12, Y1, Y1 \
	VPSHUFB Y12, Y5, Y5 \
	FOLD2(Y0, Y1, Y4, Y5) \
	VPXOR   Y0, Y3, Y3 \
	VPXOR   Y4, Y7, Y7 \
	VPSHUFB Y13, Y3, Y3 \
	VPSHUFB Y13, Y7, Y7 \
	FOLD2(Y2, Y3, Y6, Y7) \
	VPXOR   Y2, Y1, Y1 \
	VPXOR   Y6, Y5, Y5 \
	TURN63(Y1, Y8) \
	TURN63(Y5, Y9)

// The second half of a round works on diagonals: turn the words under each
// other, mix, turn them back.
#define ROUNDS \
	QUARTERS \
	VPERMQ $0x39, Y1, Y1 \
	VPERMQ $0x39, Y5, Y5 \
	VPERMQ $0x4e, Y2, Y2 \
	VPERMQ $0x4e, Y6, Y6 \
	VPERMQ $0x93, Y3, Y3 \
	VPERMQ $0x93, Y7, Y7 \
	QUARTERS \
	VPERMQ $0x93, Y1, Y1 \
	VPERMQ $0x93, Y5, Y5 \
	VPERMQ $0x4e, Y2, Y2 \
	VPERMQ $0x4e, Y6, Y6 \
	VPERMQ $0x39, Y3, Y3 \
	VPERMQ $0x39, Y7, Y7

// ROW reads 32 bytes of x XOR y.
#define ROW(offset, r) \
	VMOVDQU offset(SI), r \
	VPXOR   offset(DX), r, r

// COLUMN gathers the 16 bytes at offset of two rows that follow each other.
#define COLUMN(offset, x, r) \
	VMOVDQU     offset(R8), x \
	VINSERTI128 $1, (offset+128)(R8), r, r

// SPREAD puts one register of each of two columns back into two rows and adds
// what compress adds; what is in the accumulator mask decides about the rest.
#define SPREAD(offset, a, b) \
	VPERM2I128 $0x20, b, a, Y8 \
	VPERM2I128 $0x31, b, a, Y9 \
	VPXOR      offset(SI), Y8, Y8 \
	VPXOR      offset(DX), Y8, Y8 \
	VPXOR      (offset+128)(SI), Y9, Y9 \
	VPXOR      (offset+128)(DX), Y9, Y9 \
	VPAND      offset(DI), Y14, Y10 \
	VPAND      (offset+128)(DI), Y14, Y11 \
	VPXOR      Y10, Y8, Y8 \
	VPXOR      Y11, Y9, Y9 \
	VMOVDQU    Y8, offset(DI) \
	VMOVDQU    Y9, (offset+128)(DI)

// func compressAVX2(out, x, y, t *block, keep uint64)
//
// out = (out AND keep) XOR x XOR y XOR P(x XOR y), keep all ones or all zeros.
// t is working space. out may be x or y: each 32 bytes of it are written after
// the last read of the same 32 bytes of x and y.
TEXT ·compressAVX2(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ t+24(FP), R8
	VPBROADCASTQ   keep+32(FP), Y14
	VBROADCASTI128 right24<>(SB), Y12
	VBROADCASTI128 right16<>(SB), Y13

	MOVQ $4, CX

rows:
	ROW(0, Y0)
	ROW(32, Y1)
	ROW(64, Y2)
	ROW(96, Y3)
	ROW(128, Y4)
	ROW(160, Y5)
	ROW(192, Y6)
	ROW(224, Y7)
	ROUNDS
	VMOVDQU Y0, 0(R8)
	VMOVDQU Y1, 32(R8)
	VMOVDQU Y2, 64(R8)
	VMOVDQU Y3, 96(R8)
	VMOVDQU Y4, 128(R8)
	VMOVDQU Y5, 160(R8)
	VMOVDQU Y6, 192(R8)
	VMOVDQU Y7, 224(R8)
	ADDQ    $256, SI
	ADDQ    $256, DX
	ADDQ    $256, R8
	DECQ    CX
	JNZ     rows

	SUBQ $1024, SI
	SUBQ $1024, DX
	SUBQ $1024, R8
	MOVQ $4, CX

columns:
	COLUMN(0, X0, Y0)
	COLUMN(256, X1, Y1)
	COLUMN(512, X2, Y2)
	COLUMN(768, X3, Y3)
	COLUMN(16, X4, Y4)
	COLUMN(272, X5, Y5)
	COLUMN(528, X6, Y6)
	COLUMN(784, X7, Y7)
	ROUNDS
	SPREAD(0, Y0, Y4)
	SPREAD(256, Y1, Y5)
	SPREAD(512, Y2, Y6)
	SPREAD(768, Y3, Y7)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, R8
	ADDQ $32, DI
	DECQ CX
	JNZ  columns

	VZEROUPPER
	RET
