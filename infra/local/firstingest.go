package main

import "context"

func (s *stack) ingest(ctx context.Context) {}
