package metric

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Source is structs of one type, found in a P when they are asked for.
type Source[P any] struct {
	families []Family
	each     func(p P, fn func(label string, part reflect.Value))
}

// One is a source of one struct; get gives nil while there is none.
func One[P, T any](get func(P) *T) Source[P] {
	return Source[P]{familiesOf(reflect.TypeFor[T](), ""), func(p P, fn func(string, reflect.Value)) {
		if part := get(p); part != nil {
			fn("", reflect.ValueOf(part).Elem())
		}
	}}
}

// Many is a source of several structs, with labels that tell them apart.
func Many[P, T any](label string, each func(p P, fn func(label string, part *T))) Source[P] {
	return Source[P]{familiesOf(reflect.TypeFor[T](), label), func(p P, fn func(string, reflect.Value)) {
		each(p, func(label string, part *T) { fn(label, reflect.ValueOf(part).Elem()) })
	}}
}

// Collect reads the source, family by family; list is empty while there is nothing to tell of.
func (s *Source[P]) Collect(p P, fn func(f *Family, list []Sample)) {
	all := make([][]Sample, len(s.families))
	s.each(p, func(label string, part reflect.Value) {
		for i := range s.families {
			all[i] = append(all[i], samples(part.FieldByIndex(s.families[i].index), label)...)
		}
	})
	for i := range s.families {
		f, list := &s.families[i], all[i]
		if f.Kind == KindHistogram && f.Label == "" {
			list = added(list)
		}
		fn(f, list)
	}
}

// added adds the histograms of several parts.
func added(list []Sample) []Sample {
	if len(list) == 0 {
		return nil
	}
	sum := Sample{Times: &Distribution{}}
	for i := range list {
		sum.Times.Merge(list[i].Times)
	}
	return []Sample{sum}
}

// Families lists the series that sources declare, in order of name. The error tells of declarations that are no good.
func Families[P any](sources []Source[P]) ([]Family, error) {
	var list []Family
	for i := range sources {
		list = append(list, slices.DeleteFunc(slices.Clone(sources[i].families), func(f Family) bool { return f.Name == "" })...)
	}
	slices.SortFunc(list, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, err
		}
		if i > 0 && list[i-1].Name == list[i].Name {
			return nil, fmt.Errorf("metric: %s is declared twice", list[i].Name)
		}
	}
	return list, nil
}

// Status calls fn with the variables of SHOW GLOBAL STATUS.
func Status[P any](sources []Source[P], p P, fn func(name string, value float64)) {
	for i := range sources {
		sources[i].Collect(p, func(f *Family, list []Sample) {
			if f.Status == "" {
				return
			}
			if prefix, each := strings.CutSuffix(f.Status, "*"); each {
				for k := range list {
					fn(prefix+list[k].Label, list[k].Value)
				}
				return
			}
			sum := 0.0
			for k := range list {
				sum += list[k].Value
			}
			fn(f.Status, sum)
		})
	}
}
