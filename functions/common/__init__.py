"""What every function shares: the app factory, errors, the guard, sockets. Imports no function."""
