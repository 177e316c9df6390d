package argon

import "math/bits"

// compress sets out to the compression G of x and y. out may be x or y.
func compress(out, x, y *block) {
	var t block
	for i := range t {
		t[i] = x[i] ^ y[i]
	}
	permute(&t)
	for i := range t {
		out[i] = x[i] ^ y[i] ^ t[i]
	}
}

// compressOver adds the compression of x and y to what out holds, as every
// pass after the first does.
func compressOver(out, x, y *block) {
	var t block
	for i := range t {
		t[i] = x[i] ^ y[i]
	}
	permute(&t)
	for i := range t {
		out[i] ^= x[i] ^ y[i] ^ t[i]
	}
}

// permute applies the round to the eight rows, then to the eight columns, of
// a block seen as an 8 by 8 matrix of pairs of words.
func permute(z *block) {
	for i := 0; i < blockWords; i += 16 {
		row := (*[16]uint64)(z[i : i+16])
		round(&row[0], &row[1], &row[2], &row[3], &row[4], &row[5], &row[6], &row[7],
			&row[8], &row[9], &row[10], &row[11], &row[12], &row[13], &row[14], &row[15])
	}
	for i := 0; i < 16; i += 2 {
		column := (*[114]uint64)(z[i : i+114])
		round(&column[0], &column[1], &column[16], &column[17], &column[32], &column[33], &column[48], &column[49],
			&column[64], &column[65], &column[80], &column[81], &column[96], &column[97], &column[112], &column[113])
	}
}

// round is BLAKE2b's round with the multiplications that Argon2 adds.
func round(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15 *uint64) {
	v0, v1, v2, v3 := *p0, *p1, *p2, *p3
	v4, v5, v6, v7 := *p4, *p5, *p6, *p7
	v8, v9, v10, v11 := *p8, *p9, *p10, *p11
	v12, v13, v14, v15 := *p12, *p13, *p14, *p15

	v0, v4, v8, v12 = quarter(v0, v4, v8, v12)
	v1, v5, v9, v13 = quarter(v1, v5, v9, v13)
	v2, v6, v10, v14 = quarter(v2, v6, v10, v14)
	v3, v7, v11, v15 = quarter(v3, v7, v11, v15)

	v0, v5, v10, v15 = quarter(v0, v5, v10, v15)
	v1, v6, v11, v12 = quarter(v1, v6, v11, v12)
	v2, v7, v8, v13 = quarter(v2, v7, v8, v13)
	v3, v4, v9, v14 = quarter(v3, v4, v9, v14)

	*p0, *p1, *p2, *p3 = v0, v1, v2, v3
	*p4, *p5, *p6, *p7 = v4, v5, v6, v7
	*p8, *p9, *p10, *p11 = v8, v9, v10, v11
	*p12, *p13, *p14, *p15 = v12, v13, v14, v15
}

// quarter is BLAKE2b's, where each addition also adds twice the product of the
// two low halves.
func quarter(a, b, c, d uint64) (uint64, uint64, uint64, uint64) {
	a += b + 2*uint64(uint32(a))*uint64(uint32(b))
	d = bits.RotateLeft64(d^a, -32)
	c += d + 2*uint64(uint32(c))*uint64(uint32(d))
	b = bits.RotateLeft64(b^c, -24)
	a += b + 2*uint64(uint32(a))*uint64(uint32(b))
	d = bits.RotateLeft64(d^a, -16)
	c += d + 2*uint64(uint32(c))*uint64(uint32(d))
	b = bits.RotateLeft64(b^c, -63)
	return a, b, c, d
}
