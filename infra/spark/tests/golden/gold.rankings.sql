WITH `ranked` AS (
  SELECT
    `asset_id`,
    `day`,
    `market_cap_usd`,
    ROW_NUMBER() OVER (PARTITION BY `day` ORDER BY `market_cap_usd` DESC, `asset_id` NULLS LAST) AS `rank`,
    CAST(NULLIF(SUM(CAST(`market_cap_usd` AS DECIMAL(38, 18))) OVER (PARTITION BY `day`), 0) AS DOUBLE) AS `total`
  FROM `gold_daily_summary` AS `daily_summary`
)
SELECT
  `today`.`asset_id`,
  `today`.`day`,
  `today`.`rank`,
  CASE
    WHEN NOT `today`.`market_cap_usd` IS NULL
    THEN `day_ago`.`rank` - `today`.`rank`
  END AS `rank_change_1d`,
  CASE
    WHEN NOT `today`.`market_cap_usd` IS NULL
    THEN `week_ago`.`rank` - `today`.`rank`
  END AS `rank_change_7d`,
  `today`.`market_cap_usd`,
  CAST(100 * CAST(`today`.`market_cap_usd` AS DOUBLE) AS DOUBLE) / CAST(`today`.`total` AS DOUBLE) AS `dominance_pct`,
  CASE
    WHEN NOT `today`.`market_cap_usd` IS NULL
    THEN CAST(100 * CAST(SUM(CAST(`today`.`market_cap_usd` AS DECIMAL(38, 18))) OVER (PARTITION BY `today`.`day` ORDER BY `today`.`rank` NULLS LAST) AS DOUBLE) AS DOUBLE) / CAST(`today`.`total` AS DOUBLE)
  END AS `cumulative_pct`
FROM `ranked` AS `today`
LEFT JOIN `ranked` AS `day_ago`
  ON `day_ago`.`asset_id` = `today`.`asset_id`
  AND `day_ago`.`day` = DATE_SUB(`today`.`day`, 1)
  AND NOT `day_ago`.`market_cap_usd` IS NULL
LEFT JOIN `ranked` AS `week_ago`
  ON `week_ago`.`asset_id` = `today`.`asset_id`
  AND `week_ago`.`day` = DATE_SUB(`today`.`day`, 7)
  AND NOT `week_ago`.`market_cap_usd` IS NULL
