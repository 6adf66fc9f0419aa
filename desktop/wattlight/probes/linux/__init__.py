"""Linux: AMD and Intel cards, the processor, battery, memory, from files of the kernel."""
