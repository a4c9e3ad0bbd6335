package sysvar

import (
	"strings"

	"cloudsql/planner"
	"cloudsql/storage/mysqlerr"
)

// optimizer_switch: flags, of which SET names those that it changes.

const optimizerSwitch = "index_merge=on,index_merge_union=on,index_merge_sort_union=on,index_merge_intersection=on," +
	"engine_condition_pushdown=on,index_condition_pushdown=on,mrr=on,mrr_cost_based=on,block_nested_loop=on," +
	"batched_key_access=off,materialization=on,semijoin=on,loosescan=on,firstmatch=on,duplicateweedout=on," +
	"subquery_materialization_cost_based=on,use_index_extensions=on,condition_fanout_filter=on,derived_merge=on," +
	"use_invisible_indexes=off,skip_scan=on,hash_join=on,subquery_to_derived=off,prefer_ordering_index=on," +
	"hypergraph_optimizer=off,derived_condition_pushdown=on"

// checkSwitches is 1231 for what is no flag, or no value of one.
func checkSwitches(text string) (string, error) {
	for _, f := range strings.Split(text, ",") {
		name, value, given := strings.Cut(strings.ToLower(strings.TrimSpace(f)), "=")
		known := strings.Contains(","+optimizerSwitch, ","+name+"=") && (value == "on" || value == "off" || value == "default")
		if name != "" && !known && (given || name != "default") {
			return "", mysqlerr.New(mysqlerr.WrongValueForVar, "optimizer_switch", f)
		}
	}
	return text, nil
}

// switched is the flags with some changes made.
func switched(flags, changes string) string {
	list := strings.Split(flags, ",")
	changes = strings.ToLower(changes)
	for _, c := range strings.Split(changes, ",") {
		if strings.TrimSpace(c) == "default" {
			list = strings.Split(optimizerSwitch, ",")
		}
	}
	defaults := strings.Split(optimizerSwitch, ",")
	for _, c := range strings.Split(changes, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(c), "=")
		for i := range list {
			switch flag, _, _ := strings.Cut(list[i], "="); {
			case flag != name:
			case value == "default":
				list[i] = defaults[i]
			default:
				list[i] = name + "=" + value
			}
		}
	}
	return strings.Join(list, ",")
}

// applySwitches has plans go by the flags.
func (v *Values) applySwitches(text string) {
	if v.switches == "" {
		v.switches = optimizerSwitch
	}
	v.switches = switched(v.switches, text)
	off := func(name string) bool { return strings.Contains(","+v.switches+",", ","+name+"=off,") }
	v.Switches = planner.Switches{
		NoHashJoin: off("block_nested_loop"), NoSemijoin: off("semijoin"), NoMaterialization: off("materialization"), NoLooseScan: off("loosescan"),
		NoFirstMatch: off("firstmatch"), NoMerge: off("derived_merge"), NoDerivedPushdown: off("derived_condition_pushdown"),
	}
}
