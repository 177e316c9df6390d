package bench

import (
	"errors"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// traceSQLite makes every connection that this process opens from now on tell
// which statements it runs. The driver has no word for it, so the engine is asked
// directly: the handle that its trace function wants is a field of the driver's
// connection.
func traceSQLite() (ran func() []statement, err error) {
	var mu sync.Mutex
	var list []statement
	note := func(tls *libc.TLS, _ uint32, conn, stmt, _ uintptr) int32 {
		text := libc.GoString(sqlite3.Xsqlite3_sql(tls, stmt))
		mu.Lock()
		list = append(list, statement{conn: strconv.FormatUint(uint64(conn), 16), text: text})
		mu.Unlock()
		return 0
	}
	// What the engine calls is the address of a Go function behind two pointers. It
	// knows the address alone, so the function is kept for as long as the list is.
	kept := &struct {
		fn func(*libc.TLS, uint32, uintptr, uintptr, uintptr) int32
	}{note}
	callback := *(*uintptr)(unsafe.Pointer(kept))
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		v := reflect.ValueOf(c)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return errors.New("trace: the driver's connection is not what it was")
		}
		handle, thread := v.Elem().FieldByName("db"), v.Elem().FieldByName("tls")
		if handle.Kind() != reflect.Uintptr || thread.Type() != reflect.TypeFor[*libc.TLS]() {
			return errors.New("trace: the driver's connection has no handle where it was")
		}
		tls := (*libc.TLS)(thread.UnsafePointer())
		db := uintptr(handle.Uint())
		if rc := sqlite3.Xsqlite3_trace_v2(tls, db, sqlite3.SQLITE_TRACE_STMT, callback, db); rc != sqlite3.SQLITE_OK {
			return errors.New("trace: the engine refused")
		}
		return nil
	})
	return func() []statement {
		runtime.KeepAlive(kept)
		mu.Lock()
		defer mu.Unlock()
		return append([]statement(nil), list...)
	}, nil
}
