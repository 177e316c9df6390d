package argon

import (
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/blake2b"
)

// Version is the one Argon2 version that is understood (19 in PHC strings).
const Version = 0x13

const (
	blockWords = 128 // 1 KiB
	syncPoints = 4
	argon2id   = 2
	openSlices = 2 // slices of the first pass whose references do not depend on the password
)

type block [blockWords]uint64

// Scratch is the working memory of one hash at a time. It grows to the largest
// hash it was used for and stays until Release. The zero value is ready.
type Scratch struct {
	blocks []block
}

// Release gives the memory back to the system. The scratch can be used again.
func (s *Scratch) Release() {
	if s.blocks != nil {
		release(s.blocks)
		s.blocks = nil
	}
}

// Key fills memoryKiB of the scratch time over and returns length bytes.
// lanes only shapes the result: they are computed one after another.
// The caller has checked the parameters: time, lanes and length at least 1.
func (s *Scratch) Key(password, salt, secret, data []byte, time, memoryKiB uint32, lanes uint8, length uint32) []byte {
	seed := seed(password, salt, secret, data, time, memoryKiB, lanes, length)

	p := uint32(lanes)
	n := memoryKiB / (syncPoints * p) * (syncPoints * p)
	if n < 2*syncPoints*p {
		n = 2 * syncPoints * p
	}
	if uint32(len(s.blocks)) < n {
		s.Release()
		s.blocks = allocate(n)
	}
	f := filler{blocks: s.blocks[:n], passes: time, lanes: p, laneLen: n / p}
	f.segLen = f.laneLen / syncPoints
	f.start(seed)
	for pass := uint32(0); pass < time; pass++ {
		for slice := uint32(0); slice < syncPoints; slice++ {
			for lane := uint32(0); lane < p; lane++ {
				f.segment(pass, slice, lane)
			}
		}
	}
	return f.finish(length)
}

// seed is H0 of the RFC.
func seed(password, salt, secret, data []byte, time, memory uint32, lanes uint8, length uint32) [blake2b.Size]byte {
	h := newBlake2b(blake2b.Size)
	putUint32(h, uint32(lanes))
	putUint32(h, length)
	putUint32(h, memory)
	putUint32(h, time)
	putUint32(h, Version)
	putUint32(h, argon2id)
	for _, part := range [][]byte{password, salt, secret, data} {
		putUint32(h, uint32(len(part)))
		h.Write(part)
	}
	var out [blake2b.Size]byte
	h.Sum(out[:0])
	return out
}

type filler struct {
	blocks                         []block
	passes, lanes, laneLen, segLen uint32
	work                           block // room for one compression
}

// start computes the first two blocks of each lane from the seed.
func (f *filler) start(seed [blake2b.Size]byte) {
	var in [blake2b.Size + 8]byte
	var raw [blockWords * 8]byte
	copy(in[:], seed[:])
	for lane := uint32(0); lane < f.lanes; lane++ {
		binary.LittleEndian.PutUint32(in[blake2b.Size+4:], lane)
		for column := uint32(0); column < 2; column++ {
			binary.LittleEndian.PutUint32(in[blake2b.Size:], column)
			longHash(raw[:], in[:])
			b := &f.blocks[lane*f.laneLen+column]
			for i := range b {
				b[i] = binary.LittleEndian.Uint64(raw[i*8:])
			}
		}
	}
}

// segment fills one quarter of a lane.
func (f *filler) segment(pass, slice, lane uint32) {
	independent := pass == 0 && slice < openSlices
	var input, addresses block
	if independent {
		input[0], input[1], input[2] = uint64(pass), uint64(lane), uint64(slice)
		input[3], input[4], input[5] = uint64(len(f.blocks)), uint64(f.passes), argon2id
	}
	first := uint32(0)
	if pass == 0 && slice == 0 {
		first = 2 // made from the seed
		f.nextAddresses(&addresses, &input)
	}
	for i := first; i < f.segLen; i++ {
		column := slice*f.segLen + i
		current := lane*f.laneLen + column
		previous := current - 1
		if column == 0 {
			previous = current + f.laneLen - 1
		}
		var random uint64
		if independent {
			if i%blockWords == 0 {
				f.nextAddresses(&addresses, &input)
			}
			random = addresses[i%blockWords]
		} else {
			random = f.blocks[previous][0]
		}
		reference := f.reference(random, pass, slice, lane, i)
		if pass == 0 {
			f.compress(&f.blocks[current], &f.blocks[previous], &f.blocks[reference])
		} else {
			f.compressOver(&f.blocks[current], &f.blocks[previous], &f.blocks[reference])
		}
	}
}

// nextAddresses makes the next 128 password-independent references.
func (f *filler) nextAddresses(out, input *block) {
	var zero block
	input[6]++
	f.compress(out, &zero, input)
	f.compress(out, &zero, out)
}

// reference picks the block that the current one is mixed with (RFC 9106 3.4).
func (f *filler) reference(random uint64, pass, slice, lane, index uint32) uint32 {
	from := uint32(random>>32) % f.lanes
	if pass == 0 && slice == 0 {
		from = lane
	}
	// The window: every block already finished, without the one just written
	// in this lane and without what other lanes are writing in this slice.
	var window, begin uint32
	if pass == 0 {
		window = slice * f.segLen
	} else {
		window = f.laneLen - f.segLen
		begin = (slice + 1) % syncPoints * f.segLen
	}
	switch {
	case from == lane:
		window += index - 1
	case index == 0:
		window--
	}
	x := random & 0xffffffff
	x = x * x >> 32
	x = uint64(window) * x >> 32
	position := (uint64(begin) + uint64(window) - 1 - x) % uint64(f.laneLen)
	return from*f.laneLen + uint32(position)
}

// finish folds the last block of every lane and stretches it to length.
func (f *filler) finish(length uint32) []byte {
	last := f.blocks[f.laneLen-1]
	for lane := uint32(1); lane < f.lanes; lane++ {
		for i, v := range &f.blocks[lane*f.laneLen+f.laneLen-1] {
			last[i] ^= v
		}
	}
	var raw [blockWords * 8]byte
	for i, v := range &last {
		binary.LittleEndian.PutUint64(raw[i*8:], v)
	}
	out := make([]byte, length)
	longHash(out, raw[:])
	return out
}

// longHash is H' of the RFC: BLAKE2b of any output length.
func longHash(out, in []byte) {
	first := min(len(out), blake2b.Size)
	h := newBlake2b(first)
	putUint32(h, uint32(len(out)))
	h.Write(in)
	if len(out) <= blake2b.Size {
		h.Sum(out[:0])
		return
	}
	var v [blake2b.Size]byte
	h.Sum(v[:0])
	n := copy(out, v[:blake2b.Size/2])
	for len(out)-n > blake2b.Size {
		v = blake2b.Sum512(v[:])
		n += copy(out[n:], v[:blake2b.Size/2])
	}
	h = newBlake2b(len(out) - n)
	h.Write(v[:])
	h.Sum(out[n:n])
}

// newBlake2b cannot fail: every size asked for lies between 1 and 64 and no
// key is given.
func newBlake2b(size int) hash.Hash {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic(err)
	}
	return h
}

func putUint32(h hash.Hash, v uint32) {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	h.Write(b[:])
}
