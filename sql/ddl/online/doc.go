// Package online carries out changes of definitions beside the statements that use them. The Executor publishes
// descriptors, which package ddl made, through distributed.DB in steps that leave every gateway and shard able to work at
// each moment:
//
//	create    place the first tablet → install the descriptor on its shard → publish in the catalog
//	drop      delete from the catalog → drop the tablets
//	truncate  place and install a fresh tablet → publish the swap → drop the old tablets
//	alter     install on the shards → publish; shards take the version before as well, so nobody is cut off
//
//	copy        for what rows or keys do not survive: see copy.go
//	exchange    of a partition's rows and a table's: see exchange.go
//
//	new index   WriteOnly: install → publish              from here every shard keeps the entries of what is written;
//	                                                      the table is locked until then, for who used it before was not held to a unique one
//	            backfill: the rows' keys in chunks, each a Reindex fragment in the shard's log
//	            Public: install → publish                 from here readers use it
//	old index   WriteOnly: no reader uses it → gone
//
// A shard derives index entries from its own descriptor in log order, so no gateway with an older version can write a row
// without its entry: DeleteOnly, which systems with gateway-made entries need before WriteOnly, is never entered.
// Gateways make the entries of unique keys over tablets alone (entries.go), and all of them know of such a key when the table's lock is given back.
//
// Invariants: a change has exactly the version after the one it started from. At most one change works on a table at a
// time: it holds the table's job record in the catalog, which names the gateway that runs it. So does a second table that
// is being filled, whose tablets therefore stay where they are. Whoever meets the record of
// a dead gateway first goes on with its index build, or takes back what else that one left (inherit.go), and then makes its own change.
package online
