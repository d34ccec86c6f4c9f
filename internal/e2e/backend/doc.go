// Package backend pins the metrics database of the end-to-end test and of the
// demonstration: VictoriaMetrics, which brings a page of its own, and vmalert,
// which evaluates the rules. Both are built from their Go modules. They live in
// a module of their own: their dependencies must never reach, nor be changed by,
// those of the library under test.
package backend
