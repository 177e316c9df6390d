package argon

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// allocate takes the memory from the system and not from Go's heap: there, two
// hashes' worth would count as live, and the collector would let all other
// garbage grow to the same size before it runs.
//
// The one conversion is sound: the mapping begins on a page, is as long as the
// slice, and holds nothing but integers.
func allocate(blocks uint32) []block {
	size := int(blocks) * blockWords * 8
	raw, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return make([]block, blocks) // short of mappings; the heap may still do
	}
	// What hashing leaves behind belongs into no core dump.
	_ = unix.Madvise(raw, unix.MADV_DONTDUMP)
	return unsafe.Slice((*block)(unsafe.Pointer(&raw[0])), blocks)
}

func release(blocks []block) {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&blocks[0])), len(blocks)*blockWords*8)
	// Fails for memory that came from the heap, which then simply is garbage.
	_ = unix.Munmap(raw)
}
