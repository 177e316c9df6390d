package enrol

import (
	"fmt"

	"sallyport/internal/core"
	"sallyport/internal/factor/backupcode"
	"sallyport/internal/store"
)

const passPurpose = "temporary_pass"

// NewPass makes a temporary pass for somebody: as it is shown, and as it is kept.
func (r Room) NewPass(u core.User) (code string, hash []byte, err error) {
	code = backupcode.NewPass()
	plain, _ := backupcode.NormalisePass(code)
	if hash, err = r.Ring.KeyedHash(passPurpose, passed(u, plain)); err != nil {
		return "", nil, fmt.Errorf("make a temporary pass: %w", err)
	}
	return code, hash, nil
}

// passed binds a pass to its person.
func passed(u core.User, plain string) []byte { return []byte(string(u.ID) + "\x00" + plain) }

// FindPass finds the temporary pass that was typed among those of a person that
// still work.
func (r Room) FindPass(tx store.Tx, u core.User, typed string) (core.Token, bool, error) {
	plain, ok := backupcode.NormalisePass(typed)
	if !ok {
		return core.Token{}, false, nil
	}
	all, err := tx.Tokens(u.ID, core.TokenPass)
	if err != nil {
		return core.Token{}, false, err
	}
	for _, k := range all {
		if k.State(tx.Now()) == core.TokenGood && r.Ring.CheckKeyedHash(passPurpose, passed(u, plain), k.Hash) {
			return k, true, nil
		}
	}
	return core.Token{}, false, nil
}
