package session

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"cloudsql/planner"
)

// A plan made under other settings does not serve, whichever of them differs, and is looked for under another key.
func TestEachSettingOfPlansCounts(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key)")
	c.must("select id from t where id = 1")
	st, err := c.s.parse("select id from t where id = 1")
	if err != nil {
		t.Fatal(err)
	}
	c.s.snapshot = e.db.Catalog()
	p, err := c.s.makePlan(st.node, "d", nil)
	if err != nil {
		t.Fatal(err)
	}
	now := c.s.circumstances("d")
	if !p.holds(&now, c.s.snapshot, nil) {
		t.Fatal("the plan does not serve what it was made for")
	}
	base := c.s.settingsHash.get(e.plans.seed, now.Settings)
	for i := range reflect.TypeFor[planner.Settings]().NumField() {
		other := now
		f := reflect.ValueOf(&other.Settings).Elem().Field(i)
		name := reflect.TypeFor[planner.Settings]().Field(i).Name
		switch f.Interface().(type) {
		case *time.Location:
			f.Set(reflect.ValueOf(time.FixedZone("elsewhere", 60)))
		case bool:
			f.SetBool(!f.Bool())
		default:
			if f.CanInt() {
				f.SetInt(f.Int() + 1)
			} else {
				f.SetUint(f.Uint() + 1)
			}
		}
		if p.holds(&other, c.s.snapshot, nil) {
			t.Errorf("%s is forgotten when a plan is asked whether it serves", name)
		}
		if c.s.settingsHash.get(e.plans.seed, other.Settings) == base {
			t.Errorf("%s is forgotten in the key of plans", name)
		}
	}
}

// What a plan made of a constant under one time zone is not used under another.
func TestPlansOfAnotherTimeZone(t *testing.T) {
	c := connect(t, newTestEngine(t), "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key, at timestamp, key (at))")
	c.must("set time_zone = '+00:00'; insert into t values (1, '2024-01-01 00:00:00')")
	c.must("prepare p from 'select id from t where at = \\'2024-01-01 00:00:00\\''")
	if out := c.must("execute p"); !strings.Contains(out, "\n1\n") {
		t.Error(out)
	}
	c.must("set time_zone = '+01:00'")
	if out := c.must("execute p"); strings.Contains(out, "\n1\n") {
		t.Error(out)
	}
}
