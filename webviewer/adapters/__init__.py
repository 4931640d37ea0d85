"""What reaches outside: databases, files, other nodes. Third-party exceptions become ours here."""
