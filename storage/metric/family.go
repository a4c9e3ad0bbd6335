package metric

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Kind is how the values of a series go.
type Kind uint8

// The kinds of series.
const (
	KindCounter Kind = iota
	KindGauge
	KindHistogram
)

// kindNames are the tags of fields.
var kindNames = [...]string{KindCounter: "counter", KindGauge: "gauge", KindHistogram: "histogram"}

func (k Kind) String() string { return kindNames[k] }

// Family is a set of series of one name, as a field declares it.
type Family struct {
	Name   string // "": it is a variable of SHOW GLOBAL STATUS only
	Help   string
	Kind   Kind
	Label  string // what tells its series apart; "": it is one
	Status string // what SHOW GLOBAL STATUS calls it, with the sum of its series; "": it is not there.
	// A name that ends in * is one for each series, with its label in place of the *: Com_select of Com_*

	index []int // of the field
}

// Labelled is a field that has a value for each of several labels; its tag label says what they are of.
type Labelled interface {
	// EachLabel calls fn with the labels and their values: uint64, int64, float64 or *Histogram.
	EachLabel(fn func(label string, value any))
}

// familiesOf lists the families that a type of struct declares, and those of the structs in it. label: what tells several
// such structs apart.
func familiesOf(t reflect.Type, label string) (list []Family) {
	for _, f := range reflect.VisibleFields(t) {
		fam := Family{Help: f.Tag.Get("help"), Label: f.Tag.Get("label"), Status: f.Tag.Get("status"), index: f.Index}
		for k, tag := range kindNames {
			if name, ok := f.Tag.Lookup(tag); ok {
				fam.Name, fam.Kind = name, Kind(k) // three of them
			}
		}
		switch {
		case fam.Name == "" && f.Type.Kind() == reflect.Struct && !f.Anonymous && f.IsExported():
			for _, in := range familiesOf(f.Type, label) {
				in.index = slices.Concat(f.Index, in.index)
				list = append(list, in)
			}
		case fam.Name != "" || fam.Status != "":
			if fam.Label == "" && fam.Kind != KindHistogram { // histograms of several parts are added
				fam.Label = label
			}
			list = append(list, fam)
		}
	}
	return list
}

// check finds what is wrong with a declaration.
func (f *Family) check() error {
	switch {
	case f.Help == "":
		return fmt.Errorf("metric: %s has no help", f.Name)
	case f.Kind == KindCounter != strings.HasSuffix(f.Name, "_total"):
		return fmt.Errorf("metric: %s is a %s", f.Name, f.Kind)
	case f.Kind == KindHistogram && !strings.HasSuffix(f.Name, "_seconds"):
		return fmt.Errorf("metric: %s is a histogram of times", f.Name)
	}
	return nil
}

// Sample is the value of one series.
type Sample struct {
	Label string
	Value float64
	Times *Distribution // of histograms
}

// samples reads a field.
func samples(field reflect.Value, label string) (list []Sample) {
	if l, ok := field.Addr().Interface().(Labelled); ok {
		l.EachLabel(func(label string, v any) { list = append(list, sample(label, v)) })
		return list
	}
	return []Sample{sample(label, field.Addr().Interface())}
}

func sample(label string, v any) Sample {
	s := Sample{Label: label}
	switch v := v.(type) {
	case *atomic.Uint64:
		s.Value = float64(v.Load())
	case *atomic.Int64:
		s.Value = float64(v.Load())
	case *Histogram:
		s.Times = &Distribution{}
		s.Times.Add(v)
	case uint64:
		s.Value = float64(v)
	case int64:
		s.Value = float64(v)
	case *time.Duration:
		s.Value = v.Seconds()
	default:
		plain(&s, reflect.ValueOf(v))
	}
	return s
}

// plain reads a field of a struct that was filled to be read.
func plain(s *Sample, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case v.CanUint():
		s.Value = float64(v.Uint())
	case v.CanInt():
		s.Value = float64(v.Int())
	case v.CanFloat():
		s.Value = v.Float()
	case v.Kind() == reflect.Bool && v.Bool():
		s.Value = 1
	case v.Kind() != reflect.Bool:
		panic("metric: a field of type " + v.Type().String())
	}
}

// ByName is a field with a value for each of several names.
type ByName[T uint64 | int64] map[string]T

// EachLabel implements Labelled.
func (m *ByName[T]) EachLabel(fn func(label string, value any)) {
	for name, v := range *m {
		fn(name, v)
	}
}
