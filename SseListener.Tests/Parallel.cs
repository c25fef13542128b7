// Every test has a server of its own, so all run beside each other; a few at a time, since each also opens many connections.
[assembly: Parallelizable(ParallelScope.All)]
[assembly: LevelOfParallelism(4)]
[assembly: FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
