package session

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// A plan made under other settings does not serve, whichever of them differs, and is looked for under another key.
func TestEachSettingOfPlansCounts(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create database d; use d; create table t (id int primary key)")
	c.must("select id from t where id = 1")
	st, err := texts{c.s}.parse("select id from t where id = 1")
	if err != nil {
		t.Fatal(err)
	}
	c.s.snapshot = e.db.Catalog()
	p, err := execution{c.s}.makePlan(st.node, "d", nil)
	if err != nil {
		t.Fatal(err)
	}
	now := execution{c.s}.circumstances("d")
	if !p.Holds(&now, c.s.snapshot, nil) {
		t.Fatal("the plan does not serve what it was made for")
	}
	base := c.s.settings.Hash(&e.plans, now.Settings)
	var each func(v reflect.Value, name string, check func(name string))
	each = func(v reflect.Value, name string, check func(name string)) {
		old := reflect.ValueOf(v.Interface())
		switch {
		case v.Type() == reflect.TypeFor[*time.Location]():
			v.Set(reflect.ValueOf(time.FixedZone("elsewhere", 60)))
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				each(v.Field(i), name+"."+v.Type().Field(i).Name, check)
			}
			return
		case v.Kind() == reflect.Bool:
			v.SetBool(!v.Bool())
		case v.Kind() == reflect.String:
			v.SetString(v.String() + "x")
		case v.CanInt():
			v.SetInt(v.Int() + 1)
		default:
			v.SetUint(v.Uint() + 1)
		}
		check(name)
		v.Set(old)
	}
	other := now
	each(reflect.ValueOf(&other.Settings).Elem(), "Settings", func(name string) {
		if p.Holds(&other, c.s.snapshot, nil) {
			t.Errorf("%s is forgotten when a plan is asked whether it serves", name)
		}
		if c.s.settings.Hash(&e.plans, other.Settings) == base {
			t.Errorf("%s is forgotten in the key of plans", name)
		}
	})
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
