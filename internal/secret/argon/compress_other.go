//go:build !amd64 || purego

package argon

func (f *filler) compress(out, x, y *block)     { compress(out, x, y) }
func (f *filler) compressOver(out, x, y *block) { compressOver(out, x, y) }
