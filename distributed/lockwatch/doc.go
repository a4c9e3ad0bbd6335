// Package lockwatch finds deadlocks through several shards (package deadlock says how), and lists the locks of the cluster.
//
//	replicas' lock tables ─→ Watch: waits that last ─→ the detector's Watch ─→ a suspicion ─→ each wait confirmed by its node
//	                                                                                        ─→ the victim's node refuses it: 1213
//
// Invariants: nothing is sent while nobody waits; a wait is refused only after every wait of its cycle was confirmed. A message
// that is lost is made up for by the next report.
package lockwatch
