"""Tests of the peers themselves: a comparison that cannot fail would prove nothing."""
