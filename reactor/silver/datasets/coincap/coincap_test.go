package coincap_test

import (
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// coincap has the datasets that the files here define.
var coincap = struct{ Assets, History *silver.Dataset }{datasets.Get("coincap/assets"), datasets.Get("coincap/history")}
