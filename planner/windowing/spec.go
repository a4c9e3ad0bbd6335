package windowing

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/mysqlerr"
)

// maxRefs bounds how deeply named windows refer to each other.
const maxRefs = 16

// spec is what a window is of.
type spec struct {
	name      string
	partition *ast.PartitionByClause
	order     *ast.OrderByClause
	frame     *ast.FrameClause
}

// unnamed is what errors call a window without a name.
const unnamed = "<unnamed window>"

// CheckNames refuses two windows of one name.
func CheckNames(specs []ast.WindowSpec) error {
	for i := range specs {
		for k := range i {
			if specs[k].Name.L == specs[i].Name.L {
				return mysqlerr.New(mysqlerr.WindowDuplicateName, specs[i].Name.O)
			}
		}
	}
	return nil
}

// resolve makes a whole specification of OVER w and OVER (w …).
func (b *Binder) resolve(s *ast.WindowSpec, depth int) (spec, error) {
	own := spec{s.Name.O, s.PartitionBy, s.OrderBy, s.Frame}
	ref := s.Ref
	if s.OnlyAlias {
		ref = s.Name
	}
	if own.name == "" {
		own.name = unnamed
	}
	if ref.O == "" {
		return own, nil
	}
	if depth > maxRefs {
		return own, mysqlerr.New(mysqlerr.WindowCircularity)
	}
	for i := range b.Specs {
		named := &b.Specs[i]
		if named.Name.L != ref.L {
			continue
		}
		base, err := b.resolve(named, depth+1)
		if err != nil || s.OnlyAlias {
			return base, err
		}
		return own.inherit(base)
	}
	return own, mysqlerr.New(mysqlerr.WindowNoSuchWindow, ref.O)
}

// inherit is the specification with what another one, which it names, has.
func (s spec) inherit(base spec) (spec, error) {
	switch {
	case s.partition != nil:
		return s, mysqlerr.New(mysqlerr.WindowNoChildPartitioning)
	case s.order != nil && base.order != nil:
		return s, mysqlerr.New(mysqlerr.WindowNoRedefineOrderBy, s.name, base.name)
	case base.frame != nil:
		return s, mysqlerr.New(mysqlerr.WindowNoInheritFrame, base.name)
	}
	s.partition = base.partition
	if s.order == nil {
		s.order = base.order
	}
	return s, nil
}
