package main

func (s *stack) startSimulator() error { return nil }
