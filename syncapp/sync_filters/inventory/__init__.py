"""What is known of each user's filters: matrix, sync paths, risk, forecasts, history, lists of other products."""
