"""The tests, and the two tools that share their browser and their companies: screenshots and bench."""
