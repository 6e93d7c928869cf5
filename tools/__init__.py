"""Programs for developers: the test lanes, deployment checks, screenshots."""
