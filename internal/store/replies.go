package store

import "sallyport/internal/core"

type ReplyReader interface {
	// Reply is what is kept under a mark and has not expired.
	Reply(mark []byte) (core.Reply, error)
}

type ReplyWriter interface {
	// BeginReply notes that a request is under way; exactly one caller ever gets nil
	// until what it noted is dropped or expires, everyone else ErrConflict.
	BeginReply(core.Reply) error
	// EndReply writes what was answered.
	EndReply(mark, answer []byte) error
	// DropReply forgets a mark, so that the request may be made anew.
	DropReply(mark []byte) error
}
