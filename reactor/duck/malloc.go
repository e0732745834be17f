package duck

/*
#include <stdlib.h>
#if defined(__linux__) && defined(__GLIBC__)
#include <malloc.h>
// glibc gives each thread that finds its arena busy a new one, up to eight for each core, and hands little of them back:
// with DuckDB called from many of Go's threads the process held 200 MB that nothing used.
static void few_arenas(void) {
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 8 << 20);
}
#else
static void few_arenas(void) {}
#endif
*/
import "C"

func init() { C.few_arenas() }
