-- audit: rankings_ranks
-- of: gold.rankings
--
-- The ranks of a day are 1 to the number of its assets, each once.
select day, count(*) as n_assets, count(distinct rank) as n_ranks, min(rank) as first, max(rank) as last
from gold.rankings
group by day
having min(rank) <> 1 or max(rank) <> count(*) or count(distinct rank) <> count(*)
