// Every test has a server of its own, so all run beside each other; some at a time, since each also opens many connections. Most wait for
// a browser or a clock, so there may be more of them than processors.
[assembly: Parallelizable(ParallelScope.All)]
[assembly: LevelOfParallelism(6)]
[assembly: FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
