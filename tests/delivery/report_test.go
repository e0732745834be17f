package delivery_test

import "time"

func writeReadme(string, []fault, []figures, time.Duration) error { return nil }
