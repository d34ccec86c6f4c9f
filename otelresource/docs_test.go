package otelresource_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestEveryExportedNameIsDocumented asks more than linters do: single
// constants and the fields of structs, too, say what they are. A comment speaks for
// the lines directly below it; a list of constants may have one for all.
func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, folder := range []string{".", "producer"} {
		files, err := fs.Glob(os.DirFS(folder), "*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			positions := token.NewFileSet()
			f, err := parser.ParseFile(positions, folder+"/"+name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, bare := range undocumented(positions, f) {
				t.Errorf("%s: %s says nothing", positions.Position(bare.Pos()), bare.Name)
			}
		}
	}
}

func undocumented(positions *token.FileSet, f *ast.File) (bare []*ast.Ident) {
	line := func(n ast.Node) int { return positions.Position(n.Pos()).Line }
	// told is whether the line above spoke for those below it.
	fields := func(list []*ast.Field) {
		told, last := false, 0
		for _, field := range list {
			told = field.Doc != nil || told && line(field) == last+1
			last = line(field)
			for _, name := range field.Names {
				if name.IsExported() && !told && field.Comment == nil {
					bare = append(bare, name)
				}
			}
		}
	}
	for _, declaration := range f.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || ofExportedType(d.Recv)) {
				bare = append(bare, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					for _, name := range s.Names {
						if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
							bare = append(bare, name)
						}
					}
				case *ast.TypeSpec:
					if !s.Name.IsExported() {
						continue
					}
					if s.Doc == nil && d.Doc == nil {
						bare = append(bare, s.Name)
					}
					switch kind := s.Type.(type) {
					case *ast.StructType:
						fields(kind.Fields.List)
					case *ast.InterfaceType:
						fields(kind.Methods.List)
					}
				}
			}
		}
	}
	return bare
}

func ofExportedType(receiver *ast.FieldList) bool {
	kind := receiver.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	if of, ok := kind.(*ast.IndexExpr); ok {
		kind = of.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}
