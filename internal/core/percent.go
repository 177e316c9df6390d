package core

// Percent is how much of a whole is done, rounded. It says 100 only when all is, and
// 0 only when nothing is. Whoever shows a share takes it from here, so that the
// shell and a page never say two things of the same people.
func Percent(done, of int) int {
	switch {
	case of <= 0 || done <= 0:
		return 0
	case done >= of:
		return 100
	}
	return min(99, max(1, (100*done+of/2)/of))
}
