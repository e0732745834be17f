// C++'s operator new, for DuckDB: with jemalloc, which DuckDB brings along on Linux for its blocks of rows.
//
// To plan a statement takes thousands of small objects, made on one of Go's threads and freed on another. glibc's malloc was 10 %
// of the reactor's CPU time with that, and more the longer it ran: PUT to gold took 120 ms in a new process and 150 ms after
// 10,000 commits. A program may replace `operator new`; here it is in C, by its mangled names, so that no C++ compiler is needed.
// The other forms of new and delete (of arrays, nothrow) come to these.

#include <stddef.h>

extern void *duckdb_je_malloc(size_t size);
extern void *duckdb_je_aligned_alloc(size_t alignment, size_t size);
extern void duckdb_je_free(void *p);
extern void _ZSt17__throw_bad_allocv(void); // std::__throw_bad_alloc()

static void *or_throw(void *p) {
	if (!p) _ZSt17__throw_bad_allocv();
	return p;
}

void *_Znwm(size_t size) { return or_throw(duckdb_je_malloc(size ? size : 1)); }
void *_ZnwmSt11align_val_t(size_t size, size_t alignment) { return or_throw(duckdb_je_aligned_alloc(alignment, size ? size : 1)); }

void _ZdlPv(void *p) { duckdb_je_free(p); }
void _ZdlPvm(void *p, size_t size) { (void)size; duckdb_je_free(p); }
void _ZdlPvSt11align_val_t(void *p, size_t alignment) { (void)alignment; duckdb_je_free(p); }

// jemalloc's own settings are four arenas for each core, each of which keeps what is freed for ten seconds. Go runs the next statement on
// another thread, whose arena has none of that, so up to 160 MB were kept that nothing used. One arena is no slower, for few threads
// work at a time. DUCKDB_JE_MALLOC_CONF in the environment comes after this.
const char *duckdb_je_malloc_conf = "narenas:1,dirty_decay_ms:1000";

#ifdef __GLIBC__
#include <malloc.h>
// For what is left to malloc: glibc gives each thread that finds its arena busy a new one, up to eight for each core, and hands
// little of them back. Before there was the above, it held 200 MB that nothing used.
__attribute__((constructor)) static void few_arenas(void) {
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 8 << 20);
}
#endif
