// deps.go pins the modules that go.mod lists until everything that uses them has landed.
package main

import (
	_ "github.com/BurntSushi/toml"
	_ "github.com/cockroachdb/datadriven"
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/go-mysql-org/go-mysql/server"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lni/dragonboat/v4"
	_ "github.com/pingcap/tidb/pkg/parser"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/tidwall/btree"
	_ "vitess.io/vitess/go/mysql/collations/colldata"
	_ "vitess.io/vitess/go/mysql/datetime"
	_ "vitess.io/vitess/go/mysql/decimal"
	_ "vitess.io/vitess/go/mysql/icuregex"
	_ "vitess.io/vitess/go/mysql/json"
	_ "vitess.io/vitess/go/vt/vtgate/evalengine"
)
