package secret

import "golang.org/x/sys/unix"

// hashNice is far enough below the default 0 that the kernel gives the other
// side about nine tenths of a contended processor.
const hashNice = 10

// lowerPriority puts the calling thread behind all other threads. Where that
// is forbidden, hashing merely competes.
func lowerPriority() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), hashNice)
}
