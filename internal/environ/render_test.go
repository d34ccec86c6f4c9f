package environ_test

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/environ"
)

// render writes an Info as text, one line for each field that is not zero. It
// goes by reflection, so that no field can be left out of a comparison.
func render(info *environ.Info) string {
	var out strings.Builder
	renderValue(&out, "", reflect.ValueOf(*info))
	return out.String()
}

func renderValue(out *strings.Builder, name string, v reflect.Value) {
	if f, ok := v.Interface().(environ.Finding); ok {
		mark := ""
		if f.Contradiction {
			mark = "! "
		}
		fmt.Fprintf(out, "%s%s = %s < %s: %s\n", mark, f.Key, f.Value, f.Source, f.Reason)
		return
	}
	if p, ok := v.Interface().(environ.Path); ok {
		fmt.Fprintf(out, "%s: %s:%s\n", name, p.Controllers, p.Path)
		return
	}
	if m, ok := v.Interface().(environ.Missing); ok {
		fmt.Fprintf(out, "? %s: %s\n", m.Key, m.Reason)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			renderValue(out, name, v.Elem())
		}
	case reflect.Struct:
		if strings.HasSuffix(name, "Container") && v.IsZero() {
			fmt.Fprintf(out, "%s: yes\n", name)
		}
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			field := v.Type().Field(i).Name
			if name != "" {
				field = name + "." + field
			}
			renderValue(out, field, v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			renderValue(out, name, v.Index(i))
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(out, "%s: %v\n", name, v.Interface())
		}
	}
}
