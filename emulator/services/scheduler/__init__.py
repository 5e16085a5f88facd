"""EventBridge Scheduler: schedules by `at`, `rate` and `cron` in any time zone, their groups, and their targets.

A schedule is a row and its next time a job on AWS time. Targets that live here receive in the commit that plans the
next time; delegated services and operations that make their caller wait are called by a job after it. Templated targets
of ECS, SageMaker, CodeBuild, CodePipeline and Inspector are refused by name.
"""
