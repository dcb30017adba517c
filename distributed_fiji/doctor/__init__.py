"""Why nothing runs: gather what AWS says, and judge the chain from keys to the first job, link by link."""
