package i18n_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// program calls visit with every Go file of the program that is not a test.
func program(t *testing.T, visit func(path string, file *ast.File)) {
	t.Helper()
	for _, root := range []string{"..", filepath.Join("..", "..", "cmd")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			visit(path, file)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

func calls(file *ast.File, name string, visit func(args []ast.Expr)) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			if f.Name == name {
				visit(call.Args)
			}
		case *ast.SelectorExpr:
			if f.Sel.Name == name {
				visit(call.Args)
			}
		}
		return true
	})
}

// Every message that a page asks for by name exists and is given what it is
// filled with: nothing is missing, nothing is given for nothing.
func TestCallsFillTheirMessages(t *testing.T) {
	english := catalog(t, "en")
	checked := 0
	program(t, func(path string, file *ast.File) {
		check := func(id string, given []string) {
			message, ok := english[id]
			if !ok {
				t.Errorf("%s asks for %s, which no catalog has", path, id)
				return
			}
			checked++
			slices.Sort(given)
			if want := message.wants(); !slices.Equal(given, want) {
				t.Errorf("%s: %s is given %v and filled with %v", path, id, given, want)
			}
		}
		for _, name := range []string{"T", "Rich"} {
			calls(file, name, func(args []ast.Expr) {
				if len(args) < 2 {
					return
				}
				if id, ok := literal(args[0]); ok { // lang.T(id, map)
					if m, ok := args[1].(*ast.CompositeLit); ok {
						given := []string{}
						for _, e := range m.Elts {
							if kv, ok := e.(*ast.KeyValueExpr); ok {
								key, _ := literal(kv.Key)
								given = append(given, key)
							}
						}
						check(id, given)
					}
					return
				}
				if id, ok := literal(args[1]); ok { // web.T(ctx, id, pairs...)
					given := []string{}
					for i := 2; i < len(args); i += 2 {
						key, _ := literal(args[i])
						given = append(given, key)
					}
					check(id, given)
				}
			})
		}
	})
	if checked < 150 {
		t.Errorf("only %d calls were found: this test looks in the wrong place", checked)
	}
}

// A message that nothing asks for is a translation nobody reads.
func TestNoUnusedMessages(t *testing.T) {
	var literals []string
	program(t, func(_ string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s, ok := literal(e); ok {
					literals = append(literals, s)
				}
			}
			return true
		})
	})
	used := func(id string) bool {
		for _, s := range literals {
			if s == id || len(s) > 4 && (strings.HasSuffix(s, ".") || strings.HasSuffix(s, "_")) && strings.HasPrefix(id, s) {
				return true
			}
		}
		return false
	}
	for id := range catalog(t, "en") {
		if !used(id) {
			t.Errorf("nothing asks for %s", id)
		}
	}
}

// Every fault code that the program makes has a heading and a sentence.
func TestEveryFaultHasWords(t *testing.T) {
	english := catalog(t, "en")
	found := 0
	check := func(path, code string) {
		found++
		for _, id := range []string{"fault_title." + code, "fault." + code} {
			if _, ok := english[id]; !ok {
				t.Errorf("%s makes the fault %s, and the catalogs lack %s", path, code, id)
			}
		}
	}
	program(t, func(path string, file *ast.File) {
		calls(file, "NewFault", func(args []ast.Expr) {
			if len(args) == 2 {
				if code, ok := literal(args[1]); ok {
					check(path, code)
				}
			}
		})
		calls(file, "Invalid", func(args []ast.Expr) {
			if len(args) > 0 {
				if code, ok := literal(args[0]); ok {
					check(path, code)
				}
			}
		})
	})
	if found < 20 {
		t.Errorf("only %d faults were found: this test looks in the wrong place", found)
	}
	for id := range english {
		if code, ok := strings.CutPrefix(id, "fault."); ok && !strings.Contains(code, ":") {
			if _, ok := english["fault_title."+code]; !ok {
				t.Errorf("%s has no heading", id)
			}
		}
	}
}
