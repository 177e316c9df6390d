//go:build !purego

package argon

import "golang.org/x/sys/cpu"

//go:noescape
func compressAVX2(out, x, y, t *block, keep uint64)

func (f *filler) compress(out, x, y *block) {
	if cpu.X86.HasAVX2 {
		compressAVX2(out, x, y, &f.work, 0)
		return
	}
	compress(out, x, y)
}

func (f *filler) compressOver(out, x, y *block) {
	if cpu.X86.HasAVX2 {
		compressAVX2(out, x, y, &f.work, ^uint64(0))
		return
	}
	compressOver(out, x, y)
}
