"""What balanced placement gives: in total, step by step, on other traffic, and in time."""
