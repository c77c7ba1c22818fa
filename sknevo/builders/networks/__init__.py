"""Networks: modules, data, training, and how they are saved."""
