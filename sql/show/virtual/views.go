package virtual

import "cloudsql/storage/schema"

// Viewer is what a Context may offer besides: what the columns of views are, which their queries say anew each time.
type Viewer interface {
	// ViewColumns are a view's columns, in the form of a descriptor. 1356 and kin where the query can't be read.
	ViewColumns(v *schema.View, db string) ([]schema.Column, error)
}

// viewObject is a view without its columns; Complete has them.
func viewObject(db string, v *schema.View) Object {
	return Object{DB: db, View: v, Desc: &schema.Table{Name: v.Name, Collation: CollationText, CreatedMicros: v.CreatedMicros}}
}

// Complete fills in the columns of a view.
func (o *Object) Complete(c Context) error {
	viewer, ok := c.(Viewer)
	if s, scan := c.(*Scan); scan {
		viewer, ok = s.Context.(Viewer)
	}
	if o.View == nil || !ok {
		return nil
	}
	cols, err := viewer.ViewColumns(o.View, o.DB)
	if err != nil {
		return err
	}
	o.Desc.Columns = cols
	return nil
}

// Broken is the error of a view that can't be read, nil of anything else.
func (o *Object) Broken(c Context) error {
	if o.View == nil {
		return nil
	}
	return o.Complete(c)
}
