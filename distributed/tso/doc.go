// Package tso hands out the cluster's strictly increasing timestamps from windows reserved in the system shard's log.
package tso
